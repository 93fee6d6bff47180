namespace Culvert.Datapath.Tests.Support;

/// <summary>What a test needs of the machine. Missing means skipped with the reason, or failed under CI.</summary>
internal static class Requires
{
    internal static void Root()
    {
        if (Environment.IsPrivilegedProcess) return;
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail("must not be skipped under CI: needs root");
        Assert.Skip("needs root");
    }
}
