using Culvert.NodeAgent.Hosting;

return await AgentCommand.RunAsync(args);
