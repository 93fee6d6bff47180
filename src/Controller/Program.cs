using Culvert.Controller;

return await ControllerCommand.RunAsync(args);
