namespace Culvert.SystemTests.Fixtures;

/// <summary>Which way a test's connection takes.</summary>
public enum TestPath
{
    Direct,
    Tunnel,
}
