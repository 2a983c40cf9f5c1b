"""What the local Model Registry remembers between runs: groups and packages as DescribeModelPackage shows them."""
