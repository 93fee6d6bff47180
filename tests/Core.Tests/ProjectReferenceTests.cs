using System.Text.RegularExpressions;
using System.Xml.Linq;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests;

/// <summary>References go one way only; this table is the architecture.</summary>
public sealed class ProjectReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Interop"] = [],
        ["Core"] = [],
        ["Http2"] = [],
        ["Http1"] = ["Http2"],
        ["GrpcHosting"] = [],
        ["Protocol"] = ["Core", "GrpcHosting"],
        ["Kubernetes"] = [],
        ["Cni"] = [],
        ["CniPlugin"] = ["Cni"],
        ["NodeAgent"] = ["Interop", "Core", "Http1", "Http2", "Protocol", "Cni"],
        ["Controller"] = ["Interop", "Core", "Protocol", "Kubernetes"],
        ["Labs"] = ["Interop", "Protocol"],
        ["Cli"] = ["Core", "Protocol", "NodeAgent", "Controller", "Kubernetes", "Labs"],
    };

    // Each may name those before it. What stands in no folder composes the proxy, and none may name it.
    private static readonly string[] ProxyFolders =
        ["Limits", "Loop", "Model", "Kept", "Transport", "Relay", "Tunnel", "ProxyProtocol", "Connections", "Http", "Udp", "Captured", "Inbound"];

    [Fact]
    public void EveryProjectReferencesOnlyWhatTheOneWayRuleAllows()
    {
        string root = Repository.Root;
        string[] projects = Directory.GetFiles(Path.Combine(root, "src"), "*.csproj", SearchOption.AllDirectories);
        Assert.Equal(Allowed.Count, projects.Length);
        foreach (string project in projects)
        {
            string name = Path.GetFileName(Path.GetDirectoryName(project)!);
            Assert.True(Allowed.TryGetValue(name, out string[]? allowed), $"src/{name} is not in the table of allowed references");
            string[] actual = [.. XDocument.Load(project).Descendants("ProjectReference")
                .Select(e => e.Attribute("Include")!.Value.Replace('\\', '/'))
                .Select(p => Path.GetFileName(Path.GetDirectoryName(p))!)];
            string[] forbidden = [.. actual.Except(allowed!, StringComparer.Ordinal)];
            Assert.True(forbidden.Length == 0, $"src/{name} must not reference: {string.Join(", ", forbidden)}");
        }
    }

    [Fact]
    public void FoldersOfTheProxyNameOnlyThoseBeforeThem()
    {
        string proxy = Path.Combine(Repository.Root, "src", "NodeAgent", "Proxy");
        Assert.Equal(ProxyFolders.Order(StringComparer.Ordinal), Directory.GetDirectories(proxy).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal));
        string composition = string.Join('|', Directory.GetFiles(proxy, "*.cs").Select(f => Path.GetFileName(f).Split('.')[0]).Distinct(StringComparer.Ordinal));
        for (int i = 0; i < ProxyFolders.Length; i++)
        {
            // In a using directive, or in front of a type's name; what composes the proxy, by the names of its types.
            string[] later = [.. ProxyFolders[(i + 1)..].Select(f => $@"(?<![\w.])(Culvert\.NodeAgent\.)?(Proxy\.)?{f}(;|\.[A-Z])"), $@"\b({composition})\b"];
            Regex forbidden = new(string.Join('|', later));
            foreach (string file in Directory.GetFiles(Path.Combine(proxy, ProxyFolders[i]), "*.cs", SearchOption.AllDirectories))
            {
                Match match = forbidden.Match(File.ReadAllText(file));
                Assert.False(match.Success, $"{ProxyFolders[i]}/{Path.GetFileName(file)} must not name {match.Value}");
            }
        }
    }

    [Fact]
    public void Servers_take_no_settings_from_the_environment()
    {
        Regex forbidden = new(@"WebApplication\.Create(Slim)?(Builder)?\(|Host\.Create(Default|Application)Builder|AddEnvironmentVariables|AddJsonFile");
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories))
        {
            Match match = forbidden.Match(File.ReadAllText(file));
            Assert.False(match.Success, $"{Path.GetFileName(file)} must not use {match.Value}: it reads appsettings.json in the working directory, and the environment");
        }
    }

    [Fact]
    public void UnsafeCodeIsAllowedInInteropOnly()
    {
        foreach (string project in Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories))
        {
            bool unsafeAllowed = XDocument.Load(project).Descendants("AllowUnsafeBlocks").Any(e => e.Value == "true");
            Assert.Equal(Path.GetFileName(Path.GetDirectoryName(project)) == "Interop", unsafeAllowed);
        }
    }
}
