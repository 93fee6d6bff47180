using System.Text.RegularExpressions;
using k8s.Models;

namespace Culvert.Kubernetes.Errors;

/// <summary>Finds in a refusal (403) which verb is lacking. The server says it in words only, and in others where the request was let in and turned out to need one more. Pure.</summary>
internal static partial class RefusalReader
{
    private const string Roles = "roles", Bindings = "rolebindings", Cluster = "cluster";

    /// <summary>What is lacking; null where something else than a role stands in the way, such as a quota or a namespace that is being deleted.</summary>
    public static MissingVerb? Read(V1Status status)
    {
        string message = status.Message ?? "";
        if (Denied().Match(message) is { Success: true } denied) return new(denied.Groups["verb"].Value, NameOf(denied.Groups["resource"].Value, denied.Groups["group"].Value));
        if (status.Details is not { Kind: { Length: > 0 } kind } details) return null;
        if (message.Contains("attempting to grant", StringComparison.Ordinal)) return OfGrant(kind, details.Group ?? "");

        // To apply or to update what is not there yet is let in by its own verb, and the object is then not made: of that the server gives no reason.
        return message.EndsWith(" is forbidden: ", StringComparison.Ordinal) ? new("create", NameOf(kind, details.Group ?? "")) : null;
    }

    // Nobody grants what he does not have himself: by a role, or by binding somebody to one.
    private static MissingVerb? OfGrant(string kind, string group) => kind switch
    {
        Roles or Cluster + Roles => new("escalate", NameOf(kind, group)),
        Bindings => new("bind", NameOf(Roles, group)),
        Cluster + Bindings => new("bind", NameOf(Cluster + Roles, group)),
        _ => null,
    };

    private static string NameOf(string resource, string group) => group.Length == 0 ? resource : resource.Contains('/', StringComparison.Ordinal) ? $"{resource} of {group}" : $"{resource}.{group}";

    [GeneratedRegex("cannot (?<verb>[a-z]+) resource \"(?<resource>[^\"]+)\" in API group \"(?<group>[^\"]*)\"", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Denied();
}
