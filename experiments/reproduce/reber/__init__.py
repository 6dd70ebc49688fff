"""Sparse recurrent networks on the Reber grammar: what does their structure alone predict?"""
