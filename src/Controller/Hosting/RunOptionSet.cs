using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Controller.Admission;
using Culvert.Controller.Attestation.Kubernetes;
using Culvert.Controller.Identity.Spire;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Hosting;

/// <summary>The options of <c>culvert-controller run</c>. Make one for each command.</summary>
internal sealed class RunOptionSet
{
    // A whole snapshot is to be sent again when an agent comes to another controller.
    private static readonly TimeSpan LongestStream = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan LongestRenewalGrace = TimeSpan.FromDays(365);
    private static readonly TimeSpan LongestActivation = TimeSpan.FromDays(30);
    private static readonly TimeSpan LongestShutdownDelay = TimeSpan.FromMinutes(10);

    private readonly Option<string?> _folder = new("--folder", "-f") { Description = "Folder of YAML and JSON with the objects; watched." };
    private readonly Option<bool> _kubernetes = new("--kubernetes") { Description = "Take the objects from the API server of a cluster: this pod's, or that of a kubeconfig." };
    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "With --kubernetes: the kubeconfig file. Default: KUBECONFIG, the pod's service account, ~/.kube/config." };
    private readonly Option<string?> _context = new("--context") { Description = "With --kubernetes: the kubeconfig's context. Default: its current one." };
    private readonly Option<bool> _attest = new("--attest-service-accounts") { Description = "With --kubernetes: take service account tokens of the agents' pods beside join tokens (TokenReview)." };
    private readonly Option<string> _audience = new("--attest-audience") { Description = "Audience that those tokens must be for.", DefaultValueFactory = _ => KubernetesAttestorOptions.DefaultAudience };

    private readonly Option<string> _account = new("--agent-service-account")
    {
        Description = "NAMESPACE/NAME of the service account that agents run as.",
        DefaultValueFactory = _ => KubernetesAttestorOptions.DefaultServiceAccount.ToString(),
    };

    private readonly Option<string?> _map = new("--roots-config-map") { Description = "With --kubernetes: NAMESPACE/NAME of a ConfigMap to keep the roots in, for agents that join." };

    private readonly Option<string?> _progress = new("--progress-config-map")
    {
        Description = "With --kubernetes: NAMESPACE/NAME of a ConfigMap by which controllers of the mesh tell each other what their nodes have taken up, for statuses of objects.",
    };

    private readonly Option<string?> _secret = new("--state-secret")
    {
        Description = "With --kubernetes and --attest-service-accounts: NAMESPACE/NAME of a Secret to keep roots, their keys and revocations in, shared with other controllers of the mesh.",
    };

    private readonly Option<string?> _configuration = new("--webhook-configuration")
    {
        Description = "With --kubernetes: name of a ValidatingWebhookConfiguration by which the API server asks about objects before it stores them; the roots are kept in it.",
    };

    private readonly Option<string?> _webhook = new("--webhook")
    {
        Description = $"With --kubernetes: ADDRESS:PORT where it asks, TLS. Default with --webhook-configuration: 0.0.0.0:{AdmissionOptions.DefaultPort}, else not at all.",
    };

    private readonly Option<string?> _listen = new("--listen") { Description = $"ADDRESS:PORT for agents, TLS. Default without --unix-socket: 0.0.0.0:{ControllerOptions.DefaultPort}." };
    private readonly Option<string?> _unix = new("--unix-socket") { Description = "Path of a socket for agents of this machine." };
    private readonly Option<string[]> _names = new("--dns-name") { Description = "DNS name in the controller's certificate; repeatable." };
    private readonly Option<double> _activation = new("--root-activation-seconds") { Description = "How long a new root is in the bundle before it signs.", DefaultValueFactory = _ => TimeSpan.FromMinutes(5).TotalSeconds };

    private readonly Option<double> _grace = new("--node-renewal-grace-hours")
    {
        Description = "How long after its end a node certificate, unless revoked, can still be renewed; 0: not at all, the node needs a new token.",
        DefaultValueFactory = _ => TimeSpan.FromDays(7).TotalHours,
    };

    private readonly Option<double> _delay = new("--shutdown-delay-seconds")
    {
        Description = "How long it serves on after it was told to stop, as not ready: until those who find it by a Service know that it leaves.",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string[]> _lists = new("--crl")
    {
        Description = "File of certificate revocation lists of the roots, or of authorities below them, in DER or PEM: what they name is believed no more. Read again when it changes; repeatable.",
    };

    private readonly Option<bool> _fips = new("--fips") { Description = "Encrypt and sign by OpenSSL's FIPS provider alone; without it, don't start." };
    private readonly UpstreamOptionSet _upstream = new();
    private readonly SpireOptionSet _spire = new();
    private readonly SpireEntryOptionSet _entries = new();
    private readonly Option<string> _state = ControllerCommand.StateOption();

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All => [_folder, _kubernetes, _kubeconfig, _context, _attest, _audience, _account, _map, _progress, _secret, _configuration, _webhook, _listen, _unix, _names, _activation, _grace, _fips, _lists, .. _upstream.All, .. _spire.All, .. _entries.All, _delay, _state];

    /// <summary>The controller's options as given, without its loggers.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="problems">Takes up what can't be used, a line each; while it has any the options are not to be used.</param>
    public ControllerOptions Read(ParseResult parsed, ICollection<string> problems)
    {
        string? folder = ReadFolder(parsed, problems);
        KubernetesAttestorOptions? accounts = ReadServiceAccounts(parsed, problems);
        ResourceName? secret = ReadName(parsed, _secret, problems);
        SpireOptions? spire = _spire.Read(parsed, problems);
        UpstreamChoice upstream = _upstream.Read(parsed, problems);
        if (spire is { IsDownstream: false } && parsed.GetResult(_activation) is { Implicit: false }) problems.Add($"{_activation.Name} means nothing with --spire-server: the server replaces its roots");
        if (spire is not null && upstream.Option is { } other) problems.Add($"{other} and --spire-server can't stand together: certificates have one authority");
        if (upstream.CertManager is not null && !parsed.GetValue(_kubernetes)) problems.Add($"{upstream.Option} means something with --kubernetes only: it is the cluster's");
        if (secret is not null && accounts is null) problems.Add("--state-secret means something with --kubernetes and --attest-service-accounts only: join tokens are not shared with other controllers");
        return new ControllerOptions
        {
            ObjectFolder = folder,
            Kubernetes = ReadCluster(parsed, problems),
            ServiceAccountTokens = accounts,
            RootsConfigMap = ReadName(parsed, _map, problems),
            ProgressConfigMap = ReadName(parsed, _progress, problems),
            StateSecret = secret,
            LongestStream = secret is null ? Timeout.InfiniteTimeSpan : LongestStream,
            Admission = ReadAdmission(parsed, problems),
            Spire = spire,
            Upstream = upstream.Files,
            Vault = upstream.Vault,
            CertManager = upstream.CertManager,
            Fips = parsed.GetValue(_fips),
            RevocationLists = [.. (parsed.GetValue(_lists) ?? []).Select(l => OptionPaths.Read(_lists.Name, l, problems)).OfType<string>().Distinct(StringComparer.Ordinal)],
            SpireEntries = _entries.Read(parsed, spire, problems),
            StateFolder = Path.GetFullPath(parsed.GetValue(_state)!),
            Listen = ReadListen(parsed, problems),
            UnixSocket = parsed.GetValue(_unix),
            DnsNames = parsed.GetValue(_names) is { Length: > 0 } names ? names : ["localhost"],
            RootActivationDelay = TimeSpan.FromSeconds(ReadNumber(parsed, _activation, LongestActivation.TotalSeconds, problems)),
            NodeRenewalGrace = TimeSpan.FromHours(ReadNumber(parsed, _grace, LongestRenewalGrace.TotalHours, problems)),
            ShutdownDelay = TimeSpan.FromSeconds(ReadNumber(parsed, _delay, LongestShutdownDelay.TotalSeconds, problems)),
        };
    }

    private string? ReadFolder(ParseResult parsed, ICollection<string> problems)
    {
        string? folder = parsed.GetValue(_folder) is { } said ? Path.GetFullPath(said) : null;
        if (parsed.GetValue(_kubernetes))
        {
            if (folder is not null) problems.Add("--folder and --kubernetes can't stand together: objects have one source");
            return folder;
        }
        if (folder is null) problems.Add("--folder or --kubernetes is required: it says where the objects come from");
        else if (!Directory.Exists(folder)) problems.Add($"--folder '{folder}' is not a folder that is there");
        RequireCluster(parsed, [_kubeconfig, _context], "it says which cluster", problems);
        RequireCluster(parsed, [_attest], "its API server is asked about the tokens", problems);
        RequireCluster(parsed, [_map], "the ConfigMap is the cluster's", problems);
        RequireCluster(parsed, [_progress], "its objects have statuses", problems);
        RequireCluster(parsed, [_webhook, _configuration], "it is its API server that asks", problems);
        return folder;
    }

    private static void RequireCluster(ParseResult parsed, Option[] options, string reason, ICollection<string> problems)
    {
        foreach (Option option in options)
        {
            if (parsed.GetResult(option) is { Implicit: false }) problems.Add($"{option.Name} means something with --kubernetes only: {reason}");
        }
    }

    private KubernetesOptions? ReadCluster(ParseResult parsed, ICollection<string> problems)
    {
        if (!parsed.GetValue(_kubernetes)) return null;
        try
        {
            return new(ClusterConfigurations.Find(parsed.GetValue(_kubeconfig), parsed.GetValue(_context)));
        }
        catch (ConfigurationException e)
        {
            problems.Add($"--kubernetes: {e.Message}");
            return null;
        }
    }

    private KubernetesAttestorOptions? ReadServiceAccounts(ParseResult parsed, ICollection<string> problems)
    {
        if (!parsed.GetValue(_attest))
        {
            foreach (Option option in (Option[])[_audience, _account])
            {
                if (parsed.GetResult(option) is { Implicit: false }) problems.Add($"{option.Name} means something with {_attest.Name} only: it says whose tokens are taken");
            }
            return null;
        }
        if (!parsed.GetValue(_kubernetes)) return null;
        if (string.IsNullOrWhiteSpace(parsed.GetValue(_audience))) problems.Add("--attest-audience must not be empty: any token would do");
        return new() { Audience = parsed.GetValue(_audience)!, ServiceAccount = ReadName(parsed, _account!, problems) ?? KubernetesAttestorOptions.DefaultServiceAccount };
    }

    private AdmissionOptions? ReadAdmission(ParseResult parsed, ICollection<string> problems)
    {
        string? name = parsed.GetValue(_configuration), place = parsed.GetValue(_webhook);
        if (name is null && place is null) return null;
        if (name is not null && Schema.Names.Subdomain(name) is { } error) problems.Add($"{_configuration.Name} {error}");
        IPEndPoint? asked = ReadEndPoint(_webhook, place ?? $"0.0.0.0:{AdmissionOptions.DefaultPort}", problems);
        return asked is null ? null : new(asked) { Configuration = name is null ? null : new ResourceName(name) };
    }

    private IPEndPoint? ReadListen(ParseResult parsed, ICollection<string> problems)
    {
        string? at = parsed.GetValue(_listen) ?? (parsed.GetValue(_unix) is null ? $"0.0.0.0:{ControllerOptions.DefaultPort}" : null);
        return at is null ? null : ReadEndPoint(_listen, at, problems);
    }

    private static ResourceName? ReadName(ParseResult parsed, Option<string?> option, ICollection<string> problems) =>
        parsed.GetValue(option) is { } text ? OptionNames.Read(option.Name, text, problems) : null;

    /// <summary>An address without a port reads as one with port 0, and <c>fd00::5:15012</c> as an address: both are refused. Port 0 itself takes a free one.</summary>
    private static IPEndPoint? ReadEndPoint(Option option, string text, ICollection<string> problems)
    {
        if (IPEndPoint.TryParse(text, out IPEndPoint? endPoint))
        {
            int port = text.LastIndexOf(':');
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6 ? text.StartsWith('[') && text[port - 1] == ']' : port > 0) return endPoint;
        }
        problems.Add($"{option.Name} takes ADDRESS:PORT, an IPv6 address in brackets, not '{text}'");
        return null;
    }

    private static double ReadNumber(ParseResult parsed, Option<double> option, double most, ICollection<string> problems)
    {
        double value = parsed.GetValue(option);
        if (value >= 0 && value <= most) return value;
        problems.Add(string.Create(CultureInfo.InvariantCulture, $"{option.Name} takes 0 to {most}, not {value}"));
        return 0;
    }
}
