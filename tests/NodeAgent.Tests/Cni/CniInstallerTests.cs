using System.Collections.Concurrent;
using Culvert.NodeAgent.Cni.Install;
using Culvert.NodeAgent.Hosting;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Cni;

/// <summary>The plugin in a node's folders, which others write as well.</summary>
public sealed class CniInstallerTests : IDisposable
{
    private const string List = """
        {
            "cniVersion": "0.3.1",
            "name": "pods",
            "x.example/own": 1.50,
            "plugins": [
                {
                    "type": "bridge",
                    "ü": "<a&b>"
                },
                {
                    "type": "portmap"
                }
            ]
        }

        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-install").FullName;
    private readonly ConcurrentQueue<string> _said = [];
    private readonly HealthState _health = new();
    private readonly CniInstaller _installer;

    public CniInstallerTests()
    {
        Directory.CreateDirectory(Networks);
        Directory.CreateDirectory(Programs);
        File.WriteAllText(Plugin, "the plugin");
        _installer = new(new(Networks, Programs), Plugin, "/run/culvert/cni.sock", _folder, _health, new LineLogger(_said));
    }

    private string Networks => Path.Combine(_folder, "net.d");

    private string Programs => Path.Combine(_folder, "bin");

    private string Plugin => Path.Combine(_folder, "built");

    public void Dispose()
    {
        _installer.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void WhileItIsNowhereTheAgentIsNotReady()
    {
        _installer.Announce();
        Assert.Equal("it is not installed yet", Assert.Single(_health.Blockers).Value);
        _installer.Look();
        Assert.Equal($"{Networks} has no network configuration yet; waiting for one", Assert.Single(_health.Blockers).Value);
        Assert.Equal(_health.Blockers.Values.Single(), _installer.Failure);

        // In the second, which counts: no runtime can read the first.
        Write("20-pods.conflist", List);
        Write("10-broken.conflist", "{");
        _installer.Look();
        Assert.True(_health.IsReady);
        Assert.Contains("10-broken.conflist", _installer.Failure, StringComparison.Ordinal);

        File.Delete(Path.Combine(Networks, "10-broken.conflist"));
        _installer.Look();
        Assert.True(_health.IsReady);
        Assert.Null(_installer.Failure);
        File.Delete(Path.Combine(Networks, "20-pods.conflist"));
        _installer.Look();
        Assert.False(_health.IsReady);
    }

    [Fact]
    public void WhatCanNotBeRenewedCountsAsInPlaceWhileItIsThere()
    {
        Write("10-pods.conflist", List);
        _installer.Look();
        Assert.True(_health.IsReady);
        File.Delete(Plugin);
        _installer.Look();
        Assert.True(_health.IsReady);
        Assert.Contains(Plugin, _installer.Failure, StringComparison.Ordinal);
        File.Delete(Path.Combine(Programs, "culvert-cni"));
        _installer.Look();
        Assert.False(_health.IsReady);
    }

    [Fact]
    public void ItIsAddedAtTheEndAndAllElseStaysAsItWas()
    {
        string path = Write("10-pods.conflist", List);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Write("20-other.conflist", List);
        _installer.Look();
        string expected = List.Replace("        }\n    ]", "        },\n        {\n            \"type\": \"culvert-cni\",\n            \"agentSocket\": \"/run/culvert/cni.sock\"\n        }\n    ]", StringComparison.Ordinal);
        Assert.Equal(expected, File.ReadAllText(path));
        Assert.Equal(List, Read("20-other.conflist"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(path));
        Assert.Equal("the plugin", File.ReadAllText(Path.Combine(Programs, "culvert-cni")));
        Assert.True(File.GetUnixFileMode(Path.Combine(Programs, "culvert-cni")).HasFlag(UnixFileMode.OtherExecute));

        DateTime written = File.GetLastWriteTimeUtc(path);
        _installer.Look();
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));

        _installer.End();
        Assert.Equal(List, File.ReadAllText(path));
        Assert.Empty(Directory.GetFiles(Programs));
        _installer.Look();
        Assert.Equal(List, File.ReadAllText(path));
    }

    [Fact]
    public void ASinglePluginIsWrappedAndComesBack()
    {
        const string single = """{"cniVersion":"0.4.0","name":"one","type":"bridge","ipam":{"type":"host-local"}}""";
        Write("10-one.conf", single);
        _installer.Look();
        Assert.Equal("""{"cniVersion":"0.4.0","name":"one","plugins":[{"type":"bridge","ipam":{"type":"host-local"}},{"type":"culvert-cni","agentSocket":"/run/culvert/cni.sock"}]}""", Read("10-one.conflist"));
        Assert.False(File.Exists(Path.Combine(Networks, "10-one.conf")));
        _installer.Look();
        _installer.End();
        Assert.Equal(single, Read("10-one.conf"));
        Assert.False(File.Exists(Path.Combine(Networks, "10-one.conflist")));
    }

    [Fact]
    public void AListWithItTwiceOrInTheMiddleOrAsItWasOnceHasItAtTheEndOnce()
    {
        Write("10.conflist", """{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"culvert-cni"},{"type":"bridge"},{"type":"culvert-cni","agentSocket":"/old"},{"type":"bandwidth"}]}""");
        _installer.Look();
        Assert.Equal("""{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"bridge"},{"type":"bandwidth"},{"type":"culvert-cni","agentSocket":"/run/culvert/cni.sock"}]}""", Read("10.conflist"));
    }

    [Theory]
    [InlineData("{", "it is not JSON")]
    [InlineData("[]", "it is not a JSON object")]
    [InlineData("{\"cniVersion\":\"0.2.0\",\"plugins\":[{\"type\":\"a\"}]}", "cniVersion: 0.2.0 is none of")]
    [InlineData("{\"plugins\":[{\"type\":\"a\"}]}", "cniVersion: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\"}", "plugins: is not a list")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"plugins\":[]}", "plugins: has none that connects pods")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"culvert-cni\"}]}", "plugins: has none that connects pods")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"a\"}]}", "it is not JSON")]
    public void AFileThatItCantBeInStaysAsItIsAndIsNamed(string text, string reason)
    {
        string path = Write("10.conflist", text);
        _installer.Look();
        Assert.Equal(text, File.ReadAllText(path));
        Assert.StartsWith(reason, Assert.Throws<FormatException>(() => CniNetworkFile.WithPlugin(text, [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatWasLeftHalfWrittenIsWrittenAnew()
    {
        Write("10.conflist", List);
        Write("10.conflist.culvert-new", "half");
        File.WriteAllText(Path.Combine(Programs, "culvert-cni.culvert-new"), "half");
        _installer.Look();
        Assert.Contains("culvert-cni", Read("10.conflist"), StringComparison.Ordinal);
        Assert.Equal(["10.conflist"], Directory.GetFiles(Networks).Select(Path.GetFileName));
        Assert.Equal(["culvert-cni"], Directory.GetFiles(Programs).Select(Path.GetFileName));

        // Between the list and the end of the single plugin that it was made of.
        Write("05-one.conf", """{"cniVersion":"0.4.0","name":"one","type":"bridge"}""");
        Write("05-one.conflist", CniNetworkFile.Wrap(Read("05-one.conf"), new() { ["type"] = "culvert-cni", ["agentSocket"] = "/old" }));
        _installer.Look();
        Assert.Contains("culvert-cni", Read("05-one.conflist"), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Networks, "05-one.conf")));
    }

    [Fact]
    public async Task EditsByOthersAndANewFirstFileAreFollowed()
    {
        using CancellationTokenSource stop = new();
        Task running = _installer.RunAsync(TimeProvider.System, stop.Token);
        Write("10.conflist", List);
        await HasAsync("10.conflist");
        Write("10.conflist", List.Replace("pods", "others", StringComparison.Ordinal));
        await HasAsync("10.conflist", "others");
        Write("05.conflist", List);
        await HasAsync("05.conflist");
        File.Delete(Path.Combine(Programs, "culvert-cni"));
        Write("05.conflist", List);
        await HasAsync("05.conflist");
        Assert.True(File.Exists(Path.Combine(Programs, "culvert-cni")));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public void WhatAnAgentThatIsGoneHasPutThereIsRemovedByItsRunFolder()
    {
        Assert.Empty(CniRemoval.Remove(_folder));
        Write("10.conflist", List);
        _installer.Look();
        Assert.Equal(2, CniRemoval.Remove(_folder).Count);
        Assert.Equal(List, Read("10.conflist"));
        Assert.Empty(CniRemoval.Remove(_folder));
    }

    [Fact]
    public void WithoutAFolderOrAPluginNothingHappensAndNothingFails()
    {
        Directory.Delete(Networks, recursive: true);
        _installer.Look();
        File.Delete(Plugin);
        _installer.Look();
        Assert.Equal(["CNI plugin " + Path.Combine(Programs, "culvert-cni")], _installer.End());
    }

    [Fact]
    public void AListThatOthersHaveWrittenSinceStaysAndWhatWasSavedGoes()
    {
        Write("10-one.conf", """{"cniVersion":"0.4.0","name":"one","type":"bridge"}""");
        _installer.Look();
        Write("10-one.conflist", List);
        _installer.Look();
        Assert.Contains("culvert-cni", Read("10-one.conflist"), StringComparison.Ordinal);
        _installer.End();
        Assert.Equal(List, Read("10-one.conflist"));
        Assert.Equal(["10-one.conflist"], Directory.GetFiles(Networks).Select(Path.GetFileName));
    }

    [Fact]
    public void ASinglePluginInJsonComesBackByItsName()
    {
        const string single = """{"cniVersion":"0.3.0","name":"one","type":"bridge"}""";
        Write("10-one.json", single);
        _installer.Look();
        Assert.Contains("culvert-cni", Read("10-one.conflist"), StringComparison.Ordinal);
        _installer.End();
        Assert.Equal(single, Read("10-one.json"));
        Assert.Equal(["10-one.json"], Directory.GetFiles(Networks).Select(Path.GetFileName));
    }

    [Fact]
    public void AListThatStandsWhereOneWouldBeMadeIsNotOverwrittenAndThatIsSaid()
    {
        Write("10-one.conf", """{"cniVersion":"0.4.0","name":"one","type":"bridge"}""");
        Write("10-one.conflist", List);
        _installer.Look();
        Assert.Contains("\"pods\"", Read("10-one.conflist"), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Networks, "10-one.conf")));
        string said = Assert.Single(_said);
        Assert.Contains("10-one.conflist is there as well", said, StringComparison.Ordinal);
        Assert.Contains("counts where the runtime can't read what comes before", said, StringComparison.Ordinal);
        Assert.False(_health.IsReady);
    }

    [Fact]
    public void WhatRuntimesMayReadAndThisCantIsSaidThoughTheNextFileHasIt()
    {
        Write("05.conflist", """{"cniVersion":"0.2.0","name":"a","plugins":[{"type":"bridge"}]}""");
        Write("06.conflist", """{"cniVersion":"1.0.0","name":"\ud800","plugins":[{"type":"bridge"}]}""");
        Write("10.conflist", List);
        _installer.Look();
        _installer.Look();
        Assert.Contains("culvert-cni", Read("10.conflist"), StringComparison.Ordinal);
        string said = Assert.Single(_said);
        Assert.Contains("05.conflist: cniVersion: 0.2.0 is none of", said, StringComparison.Ordinal);
        Assert.Contains("06.conflist: a text that ends at byte", said, StringComparison.Ordinal);
        Assert.False(_health.IsReady);
    }

    [Fact]
    public void WhatWasRemovedForAnAgentThatStaysIsPutBack()
    {
        Write("10.conflist", List);
        _installer.Look();
        _installer.End();
        _installer.Resume();
        _installer.Look();
        Assert.Contains("culvert-cni", Read("10.conflist"), StringComparison.Ordinal);
        Assert.Equal(2, CniRemoval.Remove(_folder).Count);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(Networks, name);
        File.WriteAllText(path, text);
        return path;
    }

    private string Read(string name) => File.ReadAllText(Path.Combine(Networks, name));

    private async Task HasAsync(string name, string more = "")
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        while (!(Read(name) is var text && text.Contains("culvert-cni", StringComparison.Ordinal) && text.Contains(more, StringComparison.Ordinal))) await Task.Delay(20, limit.Token);
    }
}
