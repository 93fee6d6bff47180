using Culvert.Controller.Schema;
using Culvert.Kubernetes.Errors;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Says why objects are not up to date, and what helps. Pure.</summary>
internal static class KubernetesTroubles
{
    /// <summary>One for each kind that has one of its own, and one for all when the server as a whole has it.</summary>
    /// <param name="watches">The kinds.</param>
    /// <param name="isSynced">Whether objects are in force: what can't be listed holds up the others at the start only.</param>
    public static IEnumerable<SourceError> Of(IReadOnlyCollection<IKindWatch> watches, bool isSynced)
    {
        foreach (IKindWatch watch in watches.Where(w => w.Unwatchable is not null)) yield return new(watch.Place, 0, "", "", $"{watch.Resource} can't be watched: {watch.Unwatchable}; {Effect([watch], isSynced)}");
        IKindWatch[] troubled = [.. watches.Where(w => w.Trouble is not null)];
        foreach (IKindWatch watch in troubled.Where(w => !IsOfServer(w.Trouble!.Failure)))
        {
            // What was not seen to be deleted stays; so does the MeshConfig that was in force.
            bool isGone = watch is { IsListed: true, Trouble.Failure: ApiFailure.NotFound } && IsOwn(watch.Resource) && watch.Resource != "meshconfigs.culvert.dev" && !watch.Declarations.Any();
            yield return Error(watch.Place, watch.Resource, watch.Trouble!, isGone ? "objects that were deleted with it are in force no more: apply them anew" : Effect([watch], isSynced)) with { IsOfGone = isGone };
        }
        foreach (var group in troubled.Where(w => IsOfServer(w.Trouble!.Failure)).GroupBy(w => w.Trouble!.Failure))
        {
            string resources = group.Count() == watches.Count(w => w.IsThere) ? "nothing" : string.Join(", ", group.Select(w => w.Resource));
            yield return Error("/", resources, group.First().Trouble!, Effect([.. group], isSynced));
        }
    }

    private static SourceError Error(string place, string resources, ApiException trouble, string effect)
    {
        string what = resources == "nothing" ? "nothing can be watched" : $"{resources} can't be watched";
        return new(place, 0, "", "", $"{what}: {Remedy(trouble, resources)}; {effect} ({trouble.Message})");
    }

    private static string Effect(IReadOnlyCollection<IKindWatch> watches, bool isSynced) =>
        !watches.Any(w => w.Counts) ? "that its objects are not supported is not told of each"
        : watches.All(w => w.IsListed || !w.Counts) ? "what was read last stays in force"
        : isSynced ? "its objects do not count before"
        : "nothing comes into force before";

    private static string Remedy(ApiException trouble, string resource) => trouble.Failure switch
    {
        ApiFailure.Forbidden when trouble.MissingVerb is { } missing => $"{RoleRemedy.Of(missing)}; grant list and watch by a ClusterRole",
        ApiFailure.Forbidden => $"the server refuses it; grant the controller list and watch on {resource} by a ClusterRole",
        ApiFailure.NotFound or ApiFailure.MethodNotAllowed when IsOwn(resource) => "the kind is not installed; apply the CustomResourceDefinitions of deploy/crds",
        ApiFailure.NotFound or ApiFailure.MethodNotAllowed when OptionalKind.All.Any(k => k.FullName == resource) => "the kind is just being installed, or taken away",
        ApiFailure.NotFound or ApiFailure.MethodNotAllowed => "the server does not have the kind; Kubernetes 1.25 or newer is needed",
        ApiFailure.Unauthorized or ApiFailure.NoCredentials => "the server does not take the controller's credentials; renew its token or certificate",
        ApiFailure.Untrusted => "the server's certificate is not of the authority that the configuration names; put that right",
        ApiFailure.Unreachable or ApiFailure.TimedOut or ApiFailure.Unavailable or ApiFailure.ServerTimeout => "the API server does not answer; see whether it runs and can be reached from here",
        _ => "it is tried again",
    };

    private static bool IsOwn(string resource) => resource.EndsWith(".culvert.dev", StringComparison.Ordinal);

    private static bool IsOfServer(ApiFailure failure) => failure is ApiFailure.Unauthorized or ApiFailure.NoCredentials or ApiFailure.Untrusted or ApiFailure.Unreachable or ApiFailure.TimedOut
        or ApiFailure.Unavailable or ApiFailure.ServerTimeout or ApiFailure.ServerError or ApiFailure.TooManyRequests;
}
