using Culvert.Controller.Schema;
using Culvert.Kubernetes.Errors;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Says why objects are not up to date, and what helps. Pure.</summary>
internal static class KubernetesTroubles
{
    /// <summary>One for each kind that has one of its own, and one for all when the server as a whole has it.</summary>
    public static IEnumerable<SourceError> Of(IReadOnlyCollection<IKindWatch> watches)
    {
        IKindWatch[] troubled = [.. watches.Where(w => w.Trouble is not null)];
        foreach (IKindWatch watch in troubled.Where(w => !IsOfServer(w.Trouble!.Failure))) yield return Error(watch.Place, watch.Resource, watch.Trouble!, watch.IsListed);
        foreach (var group in troubled.Where(w => IsOfServer(w.Trouble!.Failure)).GroupBy(w => w.Trouble!.Failure))
        {
            string resources = group.Count() == watches.Count ? "nothing" : string.Join(", ", group.Select(w => w.Resource));
            yield return Error("/", resources, group.First().Trouble!, group.All(w => w.IsListed));
        }
    }

    private static SourceError Error(string place, string resources, ApiException trouble, bool isListed)
    {
        string what = resources == "nothing" ? "nothing can be watched" : $"{resources} can't be watched";
        return new(place, 0, "", "", $"{what}: {Remedy(trouble.Failure, resources)}; {(isListed ? "what was read last stays in force" : "nothing comes into force before")} ({trouble.Message})");
    }

    private static string Remedy(ApiFailure failure, string resource) => failure switch
    {
        ApiFailure.Forbidden => $"the controller's role lacks the verbs list and watch on {resource}; grant them by a ClusterRole",
        ApiFailure.NotFound or ApiFailure.MethodNotAllowed when resource.EndsWith(".culvert.dev", StringComparison.Ordinal) => "the kind is not installed; apply the CustomResourceDefinitions of deploy/crds",
        ApiFailure.NotFound or ApiFailure.MethodNotAllowed => "the server does not have the kind; Kubernetes 1.25 or newer is needed",
        ApiFailure.Unauthorized or ApiFailure.NoCredentials => "the server does not take the controller's credentials; renew its token or certificate",
        ApiFailure.Untrusted => "the server's certificate is not of the authority that the configuration names; put that right",
        ApiFailure.Unreachable or ApiFailure.TimedOut or ApiFailure.Unavailable or ApiFailure.ServerTimeout => "the API server does not answer; see whether it runs and can be reached from here",
        _ => "it is tried again",
    };

    private static bool IsOfServer(ApiFailure failure) => failure is ApiFailure.Unauthorized or ApiFailure.NoCredentials or ApiFailure.Untrusted or ApiFailure.Unreachable or ApiFailure.TimedOut
        or ApiFailure.Unavailable or ApiFailure.ServerTimeout or ApiFailure.ServerError or ApiFailure.TooManyRequests;
}
