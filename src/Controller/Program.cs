using Culvert.Controller;
using Culvert.Hosting;
using Culvert.Interop;

CoreDumps.Forbid(); // they would hold keys
OutOfMemory.EndsProcess();
return await ControllerCommand.RunAsync(args);
