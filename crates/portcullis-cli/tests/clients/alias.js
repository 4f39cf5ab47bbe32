// Preloaded: has the name ALIAS lead to this machine, as a container's network has the tenant's.
const dns = require('node:dns');

const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name === process.env.ALIAS ? '127.0.0.1' : name, ...rest);
