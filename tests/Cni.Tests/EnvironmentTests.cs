namespace Culvert.Cni.Tests;

/// <summary>Environment variables of runtimes, good and bad.</summary>
public sealed class EnvironmentTests
{
    [Fact]
    public void WhatAKubeletsRuntimeSetsIsRead()
    {
        var read = CniEnvironment.Read(Calls.Variables("ADD"));
        Assert.Equal((CniCommand.Add, "c1", "eth0", "/run/netns/x"), (read.Command, read.ContainerId, read.Interface, read.NetworkNamespace));
        Assert.Equal(("shop", "web-0", "11aa"), (read.PodNamespace, read.PodName, read.PodUid));
    }

    [Theory]
    [InlineData("ADD", "CNI_COMMAND", null, "CNI_COMMAND is not set")]
    [InlineData("ADD", "CNI_COMMAND", "add", "CNI_COMMAND is none of ADD, DEL")]
    [InlineData("ADD", "CNI_CONTAINERID", "", "CNI_CONTAINERID is not set")]
    [InlineData("ADD", "CNI_CONTAINERID", "../x", "CNI_CONTAINERID is not a letter or digit")]
    [InlineData("DEL", "CNI_CONTAINERID", "a/b", "CNI_CONTAINERID is not a letter or digit")]
    [InlineData("DEL", "CNI_IFNAME", null, "CNI_IFNAME is not set")]
    [InlineData("ADD", "CNI_IFNAME", "a/b", "CNI_IFNAME is not the name of an interface")]
    [InlineData("ADD", "CNI_IFNAME", "abcdefghijklmnop", "CNI_IFNAME has 16 characters")]
    [InlineData("ADD", "CNI_NETNS", null, "CNI_NETNS is not set")]
    [InlineData("ADD", "CNI_NETNS", "x", "CNI_NETNS is not an absolute path")]
    [InlineData("CHECK", "CNI_NETNS", null, "CNI_NETNS is not set")]
    [InlineData("ADD", "CNI_ARGS", null, "CNI_ARGS: K8S_POD_NAMESPACE is not set")]
    [InlineData("ADD", "CNI_ARGS", "K8S_POD_NAMESPACE=shop", "CNI_ARGS: K8S_POD_NAME is not set")]
    [InlineData("ADD", "CNI_ARGS", "K8S_POD_NAMESPACE=Shop;K8S_POD_NAME=x", "CNI_ARGS: K8S_POD_NAMESPACE is not a name")]
    [InlineData("ADD", "CNI_ARGS", "K8S_POD_NAMESPACE=a/b;K8S_POD_NAME=x", "CNI_ARGS: K8S_POD_NAMESPACE is not a name")]
    [InlineData("ADD", "CNI_ARGS", "K8S_POD_NAMESPACE=a;K8S_POD_NAME=x;K8S_POD_NAME=y", "CNI_ARGS has K8S_POD_NAME twice")]
    [InlineData("ADD", "CNI_ARGS", "K8S_POD_NAMESPACE=a;x", "CNI_ARGS has a part that is not of the form KEY=VALUE")]
    [InlineData("ADD", "CNI_ARGS", "K8S_POD_NAMESPACE=a;K8S_POD_NAME=x;K8S_POD_UID=a b", "CNI_ARGS: K8S_POD_UID is not a uid")]
    public void WhatIsWrongIsNamed(string command, string name, string? value, string expected)
    {
        CniException refused = Assert.Throws<CniException>(() => CniEnvironment.Read(v => v == name ? value : Calls.Variables(command)(v)));
        Assert.Equal(CniErrorCode.InvalidEnvironment, refused.Code);
        Assert.StartsWith(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DelNeedsNeitherTheNamespaceNorThePod()
    {
        var read = CniEnvironment.Read(v => v is "CNI_NETNS" or "CNI_ARGS" ? null : Calls.Variables("DEL")(v));
        Assert.Equal(("c1", "", ""), (read.ContainerId, read.NetworkNamespace, read.PodName));
    }
}
