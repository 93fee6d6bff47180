return await Culvert.NodeAgent.Hosting.AgentCommand.MainAsync(args);
