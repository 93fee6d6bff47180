using System.Reflection;
using Microsoft.Extensions.Logging;

namespace Culvert.Cli.Tests;

/// <summary>Every logged event has a number of its own, from the one table.</summary>
public sealed class LogEventIdTests
{
    private static readonly Assembly[] Logging = [Assembly.Load("Culvert.GrpcHosting"), Assembly.Load("culvert-agent"), Assembly.Load("culvert-controller"), Assembly.Load("Culvert.Kubernetes")];

    [Fact]
    public void EveryNumberOfTheTableIsOneEvents()
    {
        KeyValuePair<string, int>[] table = [.. Table(Logging[0])];
        Assert.All(Logging, assembly => Assert.Equal(table, Table(assembly)));
        Assert.Distinct(table.Select(t => t.Value));

        IEnumerable<int> logged = Logging.SelectMany(a => a.GetTypes())
            .SelectMany(t => t.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(m => m.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>().Select(a => a.EventId);
        Assert.Equal(table.Select(t => t.Value).Order(), logged.Order());
    }

    private static IEnumerable<KeyValuePair<string, int>> Table(Assembly assembly) => assembly.GetType("Culvert.Logging.LogEventIds", throwOnError: true)!
        .GetFields(BindingFlags.Static | BindingFlags.NonPublic).Select(f => KeyValuePair.Create(f.Name, (int)f.GetRawConstantValue()!));
}
