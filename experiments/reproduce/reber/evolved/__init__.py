"""Does a search of graph_rnn find sparser and better networks than chance? What is compared, trained and measured."""
