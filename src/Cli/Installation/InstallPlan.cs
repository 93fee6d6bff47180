using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using YamlDotNet.RepresentationModel;

namespace Culvert.Cli.Installation;

/// <summary>The objects of an installation, in the order in which they are applied.</summary>
internal sealed class InstallPlan
{
    /// <summary>Where all of them are that are in a namespace.</summary>
    public const string Namespace = ExemptNamespaces.Own;

    /// <summary>Name of the controller's Deployment, Service and the like.</summary>
    public const string ControllerName = "culvert-controller";

    /// <summary>Name of the agents' DaemonSet.</summary>
    public const string AgentName = "culvert-agent";

    /// <summary>ConfigMap and key that the controller has its roots in, and that agents wait for.</summary>
    public const string RootsName = "culvert-roots", RootsKey = "roots.pem";

    /// <summary>ConfigMap in which controllers tell which nodes' streams they have (<see cref="Controller.Progress.ProgressDocument"/>).</summary>
    public const string ProgressName = "culvert-progress";

    /// <summary>Annotation of the namespace with what the installation was told by options.</summary>
    public const string OptionsAnnotation = "culvert.dev/install-options";

    private const string DefaultImagePrefix = "localhost";
    private const string Container = "spec/template/spec/containers/0";

    private InstallPlan(InstallOptions options)
    {
        Kinds = [.. DeployFiles.Objects("crds")];
        Controller = [.. DeployFiles.Objects("controller")];
        Agents = [.. DeployFiles.Objects("daemonset")];
        Removal = Of(DeployFiles.Objects("daemonset"), "DaemonSet");
        foreach (var agent in new[] { Of(Agents, "DaemonSet"), Removal }) Configure(agent, options);
        DeployFiles.Patch(Removal, "removal", "removal.yaml");
        var controller = Of(Controller, "Deployment");
        SetImage(controller, "culvert-controller", options);
        if (options.ControllerAddress is { } address) Of(Controller, "Service").Set("spec/clusterIP", address);
        if (options.Kept() is { } kept) Of(Controller, "Namespace").Set("metadata/annotations", new YamlMappingNode(OptionsAnnotation, kept));
    }

    /// <summary>Custom resource definitions.</summary>
    public IReadOnlyList<Manifest> Kinds { get; }

    /// <summary>The namespace, the controller and what it needs.</summary>
    public IReadOnlyList<Manifest> Controller { get; private set; }

    /// <summary>The agents and what they need.</summary>
    public IReadOnlyList<Manifest> Agents { get; }

    /// <summary>The DaemonSet that takes out of each node what agents have put there.</summary>
    public Manifest Removal { get; }

    /// <summary>All that an installation applies.</summary>
    public IEnumerable<Manifest> All => [.. Kinds, .. Controller, .. Agents];

    /// <summary>Leaves out what servers before 1.25 do not take: rules in CEL of the kinds' schemas, budgets for disruptions, and two pods of a DaemonSet on a node while one replaces the other.</summary>
    public void SuitOldServer()
    {
        foreach (var kind in Kinds) kind.RemoveEverywhere("x-kubernetes-validations");
        Controller = [.. Controller.Where(m => m.Kind != "PodDisruptionBudget")];
        var agent = Of(Agents, "DaemonSet");
        agent.Remove("spec/updateStrategy/rollingUpdate/maxSurge");
        agent.Set("spec/updateStrategy/rollingUpdate/maxUnavailable", new YamlScalarNode("1"));
    }

    /// <summary>Has nodes be emptied by an image that they have, whatever version this program is of.</summary>
    public void RemoveBy(string image) => Removal.Set($"{Container}/image", new YamlScalarNode(image));

    /// <summary>Leaves the controllers as many as they are.</summary>
    public void KeepReplicas(int count) => Of(Controller, "Deployment").Set("spec/replicas", new YamlScalarNode(count.ToString(CultureInfo.InvariantCulture)));

    public static InstallPlan Create(InstallOptions options) => new(options);

    private static Manifest Of(IEnumerable<Manifest> manifests, string kind) => manifests.Single(m => m.Kind == kind);

    private static void Configure(Manifest agent, InstallOptions options)
    {
        SetImage(agent, "culvert-agent", options);
        if (options.ControllerAddress is { } address) SetArgument(agent, "--controller", $"https://{Bracketed(address)}:15012");
        if (options.CniConfFolder is { } conf) SetFolder(agent, "cni-conf", "--cni-conf-dir", conf);
        if (options.CniBinFolder is { } bin) SetFolder(agent, "cni-bin", "--cni-bin-dir", bin);
    }

    private static void SetImage(Manifest manifest, string image, InstallOptions options) =>
        manifest.Set($"{Container}/image", new YamlScalarNode($"{options.ImagePrefix ?? DefaultImagePrefix}/{image}:{options.ImageTag ?? ProgramVersion.Release}"));

    private static void SetArgument(Manifest agent, string option, string value)
    {
        var arguments = ((YamlSequenceNode)agent.Find($"{Container}/args")!).Children;
        var index = arguments.TakeWhile(a => !a.ToString().StartsWith($"{option}=", StringComparison.Ordinal)).Count();
        agent.Set($"{Container}/args/{index}", new YamlScalarNode($"{option}={value}"));
    }

    // Configuration of a CNI names paths of the node, so a folder has the same path in the container.
    private static void SetFolder(Manifest agent, string volume, string option, string folder)
    {
        SetArgument(agent, option, folder);
        Named(agent, $"{Container}/volumeMounts", volume).Children["mountPath"] = folder;
        ((YamlMappingNode)Named(agent, "spec/template/spec/volumes", volume)["hostPath"]).Children["path"] = folder;
    }

    private static YamlMappingNode Named(Manifest agent, string list, string name) =>
        ((YamlSequenceNode)agent.Find(list)!).Children.Cast<YamlMappingNode>().Single(n => n["name"].ToString() == name);

    private static string Bracketed(string address) => IPAddress.Parse(address).AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address;
}
