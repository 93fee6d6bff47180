return await Culvert.Controller.ControllerCommand.MainAsync(args);
