using Culvert.Controller;
using Culvert.Hosting;

OutOfMemory.EndsProcess();
return await ControllerCommand.RunAsync(args);
