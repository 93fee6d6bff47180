namespace Culvert.SystemTests.Fixtures;

/// <summary>Tests that share the mesh of <see cref="ProxyProtocolFixture"/>, one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProxyProtocolCollection : ICollectionFixture<ProxyProtocolFixture>
{
    public const string Name = "proxy-protocol";
}
