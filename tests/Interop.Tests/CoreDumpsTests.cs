namespace Culvert.Interop.Tests;

/// <summary>Memory that is not written when the process ends by a signal. The process of the tests is the one that is looked at.</summary>
public sealed class CoreDumpsTests
{
    [Fact]
    public void None_is_written_once_they_are_forbidden()
    {
        CoreDumps.Forbid();
        Assert.True(CoreDumps.AreForbidden);
        string limit = File.ReadLines("/proc/self/limits").Single(l => l.StartsWith("Max core file size", StringComparison.Ordinal));
        Assert.Equal(["0", "0"], limit["Max core file size".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(2));
    }
}
