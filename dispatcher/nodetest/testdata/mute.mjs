console.log("no port");
