namespace Culvert.SystemTests.Fixtures;

/// <summary>Address family of a test's connection.</summary>
public enum TestFamily
{
    IPv4,
    IPv6,
}
