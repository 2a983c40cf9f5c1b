"""What outlives a process: the state folder, its lock, database and objects, the step cache, and the local AWS.

The ground floor of the local mode: it imports pipeline/spec and what everybody uses. Begin with state_dir.py and
store.py; local_aws.py is the S3 and Model Registry that jobs talk to.
"""
