namespace Culvert.SystemTests.Coexist;

/// <summary>Tests beside rules of others, one after the other and beside no other test: each builds networks and starts agents of its own, which tests that measure must not feel.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class CoexistCollection
{
    public const string Name = "coexist";
}
