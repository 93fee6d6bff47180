using Culvert.Hosting;
using Culvert.Interop;
using Culvert.NodeAgent.Hosting;

CoreDumps.Forbid(); // they would hold keys
OutOfMemory.EndsProcess();
return await AgentCommand.RunAsync(args);
