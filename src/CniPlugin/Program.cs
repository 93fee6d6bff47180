using Culvert.CniPlugin;

using Stream input = Console.OpenStandardInput(), output = Console.OpenStandardOutput(), errors = Console.OpenStandardError();
return Plugin.Run(Environment.GetEnvironmentVariable, input, output, errors);
