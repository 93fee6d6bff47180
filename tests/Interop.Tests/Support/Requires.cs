namespace Culvert.Interop.Tests.Support;

/// <summary>What a test needs of the machine. Missing means skipped with the reason, or failed under CI.</summary>
internal static class Requires
{
    internal static void Root()
    {
        if (!Environment.IsPrivilegedProcess) Missing("needs root");
    }

    internal static void Tool(string name)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (!folders.Any(f => File.Exists(Path.Combine(f, name)))) Missing($"needs {name}");
    }

    internal static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail($"must not be skipped under CI: {reason}");
        Assert.Skip(reason);
    }
}
