using System.CommandLine;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Cli.Installation;

/// <summary>What a command about a cluster works with, and the options that say which cluster.</summary>
internal sealed class ClusterSession
{
    private static readonly Option<string?> Kubeconfig = new("--kubeconfig")
    {
        Description = "The kubeconfig file. Default: KUBECONFIG, the pod's service account, ~/.kube/config.",
        HelpName = "FILE",
        Validators = { GlobalOptions.RefuseEmpty },
    };

    private static readonly Option<string?> Context = new("--context") { Description = "The kubeconfig's context. Default: its current one.", HelpName = "NAME" };

    private static readonly Option<int> Timeout = new("--timeout")
    {
        Description = "How long to wait, in all, until things are as they should be.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 300,
        Validators = { result => GlobalOptions.RequireRange(result, 1, 86400) },
    };

    private ClusterSession(KubernetesClient client, KubernetesMetrics metrics, InstallProgress progress, Deadline deadline) =>
        (Client, Cluster, Progress, Deadline) = (client, new ClusterObjects(client, metrics), progress, deadline);

    public KubernetesClient Client { get; }

    public ClusterObjects Cluster { get; }

    public InstallProgress Progress { get; }

    public Deadline Deadline { get; }

    /// <summary>Adds its options to a command.</summary>
    public static void AddOptions(Command command)
    {
        command.Options.Add(Kubeconfig);
        command.Options.Add(Context);
        command.Options.Add(Timeout);
    }

    /// <summary>Does something with the cluster that the command line names.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="work">What.</param>
    /// <param name="writesObjects">Whether standard output is for objects: progress is told on standard error then.</param>
    /// <exception cref="CliException">There is none, it can't be reached, or it refused.</exception>
    public static async Task<int> RunAsync(ParseResult result, Func<ClusterSession, Task> work, bool writesObjects = false)
    {
        try
        {
            using var metrics = new KubernetesMetrics();
            using var client = new KubernetesClient(
                ClusterConfigurations.Find(result.GetValue(Kubeconfig), result.GetValue(Context)), new KubernetesClientOptions(), metrics, TimeProvider.System, NullLogger<KubernetesClient>.Instance);
            using var deadline = new Deadline(TimeSpan.FromSeconds(result.GetValue(Timeout)));
            var output = writesObjects ? result.InvocationConfiguration.Error : result.InvocationConfiguration.Output;
            await work(new ClusterSession(client, metrics, new InstallProgress(new Printer(result, output), output), deadline));
            return (int)ExitCode.Ok;
        }
        catch (ConfigurationException e)
        {
            throw new CliException(ExitCode.BadInput, e.Message, "--kubeconfig and --context say which cluster is meant", e);
        }
        catch (ApiException e)
        {
            throw Explain(e);
        }
    }

    private static CliException Explain(ApiException e) => e.Failure switch
    {
        ApiFailure.Unreachable or ApiFailure.TimedOut or ApiFailure.Untrusted or ApiFailure.NoCredentials or ApiFailure.Unauthorized => new(ExitCode.CannotConnect, e.Message, "see whether `kubectl version` works with the same kubeconfig", e),
        ApiFailure.Forbidden when e.MissingVerb is { } missing => new(ExitCode.Refused, e.Message, $"{missing.Tell("your role")}; cluster-admin has all that is needed, and docs/kubernetes.md names it verb by verb", e),
        ApiFailure.Invalid => new(ExitCode.BadInput, e.Message, null, e),
        _ => new(ExitCode.Refused, e.Message, null, e),
    };
}
