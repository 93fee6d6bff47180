using Culvert.Hosting;
using Culvert.NodeAgent.Hosting;

OutOfMemory.EndsProcess();
return await AgentCommand.RunAsync(args);
