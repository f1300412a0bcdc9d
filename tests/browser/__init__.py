"""The pages in a real browser, every request to another host refused."""
