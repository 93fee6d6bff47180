using Culvert.Controller.Nodes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>What nodes have told is kept from one start of the controller to the next.</summary>
public sealed class RefusedWorkloadsTests
{
    private static readonly Dictionary<string, string> Refused = new(StringComparer.Ordinal) { ["shop/web"] = "a test" };

    [Theory]
    [InlineData("nonsense")]
    [InlineData("null")]
    [InlineData("{\"n1\": null}")]
    [InlineData("{\"n1\": [null]}")]
    public void AFileThatCantBeUsedIsAsGoodAsNone(string text)
    {
        using TempFolder folder = new();
        string path = folder.File("refused.json");
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        RefusedWorkloads refused = new(path, TimeProvider.System, NullLogger.Instance);
        Assert.Empty(refused.ByNode);
        refused.Take("n1", Refused, new Dictionary<string, string>());
        Assert.Equal(["shop/web"], new RefusedWorkloads(path, TimeProvider.System, NullLogger.Instance).ByNode["n1"]);
    }

    [Fact]
    public void WhatCouldNotBeWrittenIsWrittenWithTheNextReport()
    {
        using TempFolder folder = new();
        string path = folder.File("state/refused.json");
        RefusedWorkloads refused = new(path, TimeProvider.System, NullLogger.Instance);
        refused.Take("n1", Refused, new Dictionary<string, string>());
        Assert.Equal(["shop/web"], refused.ByNode["n1"]);
        Assert.False(File.Exists(path));

        Directory.CreateDirectory(folder.File("state"));
        refused.Take("n1", Refused, new Dictionary<string, string>());
        Assert.Equal(["shop/web"], new RefusedWorkloads(path, TimeProvider.System, NullLogger.Instance).ByNode["n1"]);
    }
}
