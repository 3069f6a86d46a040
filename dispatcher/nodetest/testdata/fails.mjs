console.error("the reason");
process.exit(3);
