using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Culvert.CniPlugin;

namespace Culvert.Cni.Tests;

/// <summary>The plugin's calls, with an agent that answers, or does not.</summary>
public sealed class PluginTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-cni-").FullName;

    private string SocketPath => Path.Combine(_folder, "cni.sock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("0.1.0", "1.1.0")]
    [InlineData("0.4.0", "0.4.0")]
    public void VersionNeedsNoAgent(string asked, string answered)
    {
        (int code, JsonElement output, _) = Run("VERSION", $"{{\"cniVersion\":\"{asked}\"}}");
        Assert.Equal((0, answered), (code, output.GetProperty("cniVersion").GetString()));
        Assert.Equal(CniVersions.Supported, output.GetProperty("supportedVersions").EnumerateArray().Select(v => v.GetString()!));
    }

    [Theory]
    [InlineData("ADD", 11)]
    [InlineData("CHECK", 11)]
    [InlineData("STATUS", 50)]
    [InlineData("GC", 11)]
    public void WithoutAnAgentTheRuntimeIsToldToTryAgain(string command, int expected)
    {
        (int code, JsonElement output, _) = Run(command, Input(Valid, "1.1.0"));
        Assert.Equal((1, expected, "1.1.0"), (code, output.GetProperty("code").GetInt32(), output.GetProperty("cniVersion").GetString()));
        Assert.Equal("culvert: the node's agent does not run", output.GetProperty("msg").GetString());
        Assert.Contains(SocketPath, output.GetProperty("details").GetString(), StringComparison.Ordinal);
    }

    /// <summary>A controller may be among them, without which no agent gets on, or what brings the agent's image.</summary>
    [Theory]
    [InlineData("culvert-system", "ADD")]
    [InlineData("kube-system", "ADD")]
    [InlineData("kube-system", "CHECK")]
    public void WithoutAnAgentPodsThatAreNeverInTheMeshStart(string ns, string command)
    {
        (int code, JsonElement output, string errors) = Run(command, Input(Valid), ns);
        Assert.Equal(0, code);
        if (command == "ADD") Assert.Equal(2, output.GetProperty("ips").GetArrayLength());
        Assert.StartsWith($"culvert-cni: {command} of {ns}/web-0 goes on without the agent, as its pods are never in the mesh", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutAnAgentPodsCanLeave()
    {
        (int code, JsonElement output, string errors) = Run("DEL", Input());
        Assert.Equal((0, JsonValueKind.Undefined), (code, output.ValueKind));
        Assert.StartsWith("culvert-cni: DEL of c1 goes on without the agent", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void TheAgentIsAskedAndThePreviousResultHandedOn()
    {
        using FakeAgent agent = new(SocketPath, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"code\":0}");
        (int code, JsonElement output, _) = Run("ADD", Input());
        Assert.Equal((0, 2), (code, output.GetProperty("ips").GetArrayLength()));
        string[] parts = agent.Asked.Split("\r\n\r\n", 2);
        Assert.StartsWith("POST /cni HTTP/1.1\r\nHost: culvert\r\n", parts[0], StringComparison.Ordinal);
        var request = CniRequest.Parse(Encoding.UTF8.GetBytes(parts[1]));
        Assert.Equal((CniCommand.Add, "c1", "web-0", "11aa", 29_000), (request.Command, request.ContainerId, request.PodName, request.PodUid, request.WaitMilliseconds));
        Assert.Equal(["10.1.0.5", "fd00::5"], request.Addresses);
    }

    /// <summary>The runtime tells what the plugins before have made in the version of the configuration, and wants its answer in it.</summary>
    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void APodComesAndGoesInEachVersion(string version)
    {
        string previous = PreviousOf(version);
        JsonElement added = Ask("ADD");
        Assert.Equal(version, added.GetProperty("cniVersion").GetString());
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(previous).RootElement, added), $"{added}");

        // These answer nothing.
        if (CniVersions.IsAtLeast(version, "0.4.0")) Assert.Equal(JsonValueKind.Undefined, Ask("CHECK").ValueKind);
        Assert.Equal(JsonValueKind.Undefined, Ask("DEL").ValueKind);

        JsonElement Ask(string command)
        {
            using FakeAgent agent = new(SocketPath, "HTTP/1.1 200 OK\r\n\r\n{\"code\":0}");
            (int code, JsonElement output, string errors) = Run(command, Input(version: version, previous: previous));
            Assert.Equal((0, ""), (code, errors));
            var asked = CniRequest.Parse(Encoding.UTF8.GetBytes(agent.Asked.Split("\r\n\r\n", 2)[1]));
            Assert.Equal((command, "c1"), (asked.Command.ToString().ToUpperInvariant(), asked.ContainerId));
            if (command != "DEL") Assert.Equal(["10.1.0.5", "fd00::5"], asked.Addresses);
            return output;
        }
    }

    /// <summary>Runtimes do not ask before a command's version; one that does has the wrong configuration.</summary>
    [Theory]
    [InlineData("CHECK", "0.4.0")]
    [InlineData("STATUS", "1.1.0")]
    [InlineData("GC", "1.1.0")]
    public void ACommandIsServedFromTheVersionOnThatItCameWith(string command, string since)
    {
        foreach (string version in CniVersions.Supported)
        {
            // Nobody listens before that: the agent is not asked.
            bool isServed = CniVersions.IsAtLeast(version, since);
            using FakeAgent? agent = isServed ? new(SocketPath, "HTTP/1.1 200 OK\r\n\r\n{\"code\":0}") : null;
            (int code, JsonElement output, _) = Run(command, Input(Valid, version, command == "CHECK" ? PreviousOf(version) : null));
            if (isServed)
            {
                Assert.Equal((0, JsonValueKind.Undefined), (code, output.ValueKind));
                Assert.Contains("\r\n\r\n", agent!.Asked, StringComparison.Ordinal);
                continue;
            }
            Assert.Equal((1, (int)CniErrorCode.IncompatibleVersion, version), (code, output.GetProperty("code").GetInt32(), output.GetProperty("cniVersion").GetString()));
            Assert.Equal($"cniVersion: {version} has no {command}, which came with {since}", output.GetProperty("msg").GetString());
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n{\"code\":11,\"msg\":\"not yet\"}", 11, "not yet")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n{\"code\":100,\"msg\":\"no\",\"details\":\"why\"}", 100, "no")]
    [InlineData("HTTP/1.1 404 Not Found\r\n\r\n", 11, "culvert: the node's agent has refused the call (404)")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n[]", 11, "culvert: the node's agent has answered in a form that is not known")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nnull", 11, "culvert: the node's agent has answered nothing")]
    [InlineData("SSH-2.0-x\r\n\r\n", 11, "culvert: the node's agent has not answered in HTTP")]
    [InlineData("", 11, "culvert: the node's agent has ended before it answered")]
    public void AnAnswerThatIsNoYesIsAnError(string answer, int expected, string message)
    {
        using FakeAgent agent = new(SocketPath, answer);
        (int code, JsonElement output, _) = Run("ADD", Input());
        Assert.Equal((1, expected), (code, output.GetProperty("code").GetInt32()));
        Assert.StartsWith(message, output.GetProperty("msg").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AnAgentThatTakesNoConnectionIsNotWaitedForForEver()
    {
        using Socket agent = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), first = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        agent.Bind(new UnixDomainSocketEndPoint(SocketPath));
        agent.Listen(0);
        first.Connect(new UnixDomainSocketEndPoint(SocketPath)); // there is no room for another
        (int code, JsonElement output, _) = Run("ADD", Input("\"timeoutSeconds\":1"));
        Assert.Equal((1, 11, "culvert: the node's agent has not answered within 1 s"), (code, output.GetProperty("code").GetInt32(), output.GetProperty("msg").GetString()));
    }

    [Fact]
    public void AnAgentThatDoesNotAnswerIsNotWaitedForForEver()
    {
        using FakeAgent agent = new(SocketPath, answer: null);
        (int code, JsonElement output, _) = Run("ADD", Input("\"timeoutSeconds\":1"));
        Assert.Equal((1, 11, "culvert: the node's agent has not answered within 1 s"), (code, output.GetProperty("code").GetInt32(), output.GetProperty("msg").GetString()));
    }

    [Theory]
    [InlineData("ADD", "{", 6)]
    [InlineData("ADD", "{\"cniVersion\":\"0.1.0\"}", 1)]
    [InlineData("ADD", "{\"cniVersion\":\"0.4.0\"}", 7, "0.4.0")]
    [InlineData("NONE", "{}", 4)]
    public void WhatIsWrongIsAnErrorOfTheSpecification(string command, string input, int expected, string version = "1.1.0")
    {
        (int code, JsonElement output, _) = Run(command, input);
        Assert.Equal((1, expected), (code, output.GetProperty("code").GetInt32()));
        Assert.Equal(version, output.GetProperty("cniVersion").GetString());
    }

    private const string Valid = "\"cni.dev/valid-attachments\":[]";

    private string Input(string more = "\"a\":1", string version = "1.0.0", string? previous = Calls.Previous) =>
        Encoding.UTF8.GetString(Calls.Configuration(version, $"\"agentSocket\":\"{SocketPath}\",{more}", previous));

    // Addresses had their family until 1.0.0, and interfaces and routes have more since 1.1.0.
    private static string PreviousOf(string version)
    {
        bool isNew = CniVersions.IsAtLeast(version, "1.0.0"), is11 = CniVersions.IsAtLeast(version, "1.1.0");
        return $$"""
            {"cniVersion":"{{version}}","interfaces":[{"name":"veth1","mac":"aa:bb:cc:dd:ee:02"{{(is11 ? ",\"mtu\":1500" : "")}}},{"name":"eth0","sandbox":"/run/netns/x"}],
             "ips":[{ {{(isNew ? "" : "\"version\":\"4\",")}}"address":"10.1.0.5/24","gateway":"10.1.0.1","interface":1},{ {{(isNew ? "" : "\"version\":\"6\",")}}"address":"fd00::5/64","interface":1}],
             "routes":[{"dst":"0.0.0.0/0"{{(is11 ? ",\"priority\":3" : "")}} }],"dns":{"nameservers":["10.0.0.10"]},"x.example/own":1}
            """;
    }

    private static (int Code, JsonElement Output, string Errors) Run(string command, string input, string? ns = null)
    {
        using MemoryStream output = new(), errors = new();
        Func<string, string?> variables = Calls.Variables(command);
        int code = Plugin.Run(ns is null ? variables : name => name == "CNI_ARGS" ? $"K8S_POD_NAMESPACE={ns};K8S_POD_NAME=web-0" : variables(name), new MemoryStream(Encoding.UTF8.GetBytes(input)), output, errors);
        return (code, output.Length == 0 ? default : JsonDocument.Parse(output.ToArray()).RootElement, Encoding.UTF8.GetString(errors.ToArray()));
    }

    // Takes one connection, reads the request and answers.
    private sealed class FakeAgent : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly Task<string> _serving;
        private readonly TaskCompletionSource _end = new();
        private readonly string _path;

        internal FakeAgent(string path, string? answer)
        {
            _path = path;
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            _listener.Listen();
            _serving = ServeAsync(answer);
        }

        internal string Asked => _serving.GetAwaiter().GetResult();

        public void Dispose()
        {
            _end.SetResult();
            _listener.Dispose();
            File.Delete(_path);
        }

        private async Task<string> ServeAsync(string? answer)
        {
            using Socket connection = await _listener.AcceptAsync();
            byte[] bytes = new byte[65_536];
            int read = 0;
            while (!IsWhole(Encoding.UTF8.GetString(bytes, 0, read))) read += await connection.ReceiveAsync(bytes.AsMemory(read));
            if (answer is null) await _end.Task;
            else await connection.SendAsync(Encoding.UTF8.GetBytes(answer));
            return Encoding.UTF8.GetString(bytes, 0, read);
        }

        private static bool IsWhole(string text) =>
            text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is > 0 and var head && text.Length - head - 4 >= int.Parse(text.Split("Content-Length: ")[1].Split('\r')[0], System.Globalization.CultureInfo.InvariantCulture);
    }
}
