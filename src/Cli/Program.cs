return await Culvert.Cli.CommandLine.CommandLineRunner.RunAsync(args, Console.Out, Console.Error);
