using Culvert.NodeAgent.Admin;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Admin;

/// <summary>The agent answers every method of the services that it serves.</summary>
public sealed class ServiceMethodTests
{
    [Fact]
    public void NoMethodOfAServiceIsForgotten()
    {
        Dictionary<string, string[]> left = GeneratedServices.MethodsLeftOut(typeof(AgentAdminService).Assembly);
        Assert.Equal([nameof(AgentAdminService)], left.Keys);
        Assert.All(left.Values, Assert.Empty);
    }
}
