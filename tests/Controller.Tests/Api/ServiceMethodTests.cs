using Culvert.Protocol.V1;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

/// <summary>The controller answers every method of the services that it serves.</summary>
public sealed class ServiceMethodTests
{
    [Fact]
    public void NoMethodOfAServiceIsForgotten()
    {
        Dictionary<string, string[]> left = GeneratedServices.MethodsLeftOut(typeof(ControllerHost).Assembly);
        Assert.Equal(["CertificateServiceHandler"], left.Keys);
        Assert.All(left.Values, Assert.Empty);
    }

    [Fact]
    public void TheServiceThatIsBoundByHandHasNoOtherMethodsThanThose() => Assert.Equal(["Stream", "Report"], SnapshotService.Descriptor.Methods.Select(m => m.Name));
}
