using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

/// <summary>The controller answers every method of the services that it serves.</summary>
public sealed class ServiceMethodTests
{
    [Fact]
    public void NoMethodOfAServiceIsForgotten()
    {
        Dictionary<string, string[]> left = GeneratedServices.MethodsLeftOut(typeof(ControllerHost).Assembly);
        Assert.Equal(["CertificateServiceHandler", "SnapshotServiceHandler"], left.Keys.Order());
        Assert.All(left.Values, Assert.Empty);
    }
}
