using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>Which CNI plugins leave packets between pods of a node to what the agent can look at.</summary>
public sealed class CniConfigurationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cv-cni").FullName;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("10-flannel.conflist", """{"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {"hairpinMode": true}}, {"type": "portmap", "capabilities": {"portMappings": true}}]}""")]
    [InlineData("10-kindnet.conflist", """{"cniVersion": "0.3.1", "name": "kindnet", "plugins": [{"type": "ptp", "ipam": {"type": "host-local"}}, {"type": "portmap"}]}""")]
    [InlineData("10-calico.conflist", """{"name": "k8s-pod-network", "plugins": [{"type": "calico"}, {"type": "bandwidth"}, {"type": "portmap"}]}""")]
    [InlineData("10-one.conf", """{"type": "bridge"}""")]
    public void Known_plugins_are_no_reason(string name, string text) => Assert.Empty(Reasons((name, text)));

    [Theory]
    [InlineData("""{"plugins": [{"type": "antrea"}, {"type": "portmap"}, {"type": "antrea"}]}""", "CNI plugin antrea of")]
    [InlineData("""{"type": "aws-cni"}""", "CNI plugin aws-cni of")]
    [InlineData("""{"type": "flannel", "delegate": {"type": "ovs"}}""", "CNI plugin ovs of")]
    [InlineData("""{"plugins": [{"typ": "bridge"}]}""", "a plugin has no type")]
    [InlineData("""{"plugins": "bridge"}""", "can't be read")]
    [InlineData("""{"type": 7}""", "can't be read")]
    [InlineData("[]", "can't be read")]
    [InlineData("{", "can't be read")]
    [InlineData("", "can't be read")]
    public void Others_and_what_cant_be_read_are(string text, string reason)
    {
        string found = Assert.Single(Reasons(("10-net.conflist", text)));
        Assert.Contains(reason, found, StringComparison.Ordinal);
        Assert.Contains("10-net.conflist", found, StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_file_by_name_counts() =>
        Assert.Contains("antrea", Assert.Single(Reasons(("20-flannel.conf", """{"type": "flannel"}"""), ("10-antrea.conf", """{"type": "antrea"}"""), ("00-notes.txt", "not a configuration"))), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_far_too_long_is_not_read() => Assert.Contains("longer than", Assert.Single(Reasons(("10-net.conf", new string(' ', (1 << 20) + 1)))), StringComparison.Ordinal);

    [Fact]
    public void Without_a_configuration_there_is_no_reason()
    {
        Assert.Empty(Reasons());
        Assert.Empty(new CniConfiguration(Path.Combine(_folder, "none")).Reasons());
    }

    private IReadOnlyList<string> Reasons(params (string Name, string Text)[] files)
    {
        foreach ((string name, string text) in files) File.WriteAllText(Path.Combine(_folder, name), text);
        return new CniConfiguration(_folder).Reasons();
    }
}
