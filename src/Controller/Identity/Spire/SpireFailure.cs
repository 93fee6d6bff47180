using Culvert.Core;
using Culvert.Protocol;
using Grpc.Core;

namespace Culvert.Controller.Identity.Spire;

/// <summary>What a call that a SPIRE server has not answered well means, and what to do. Pure.</summary>
internal static class SpireFailure
{
    /// <param name="failure">What the call ended with.</param>
    /// <param name="method">The method called.</param>
    /// <param name="place">Where the server is.</param>
    /// <param name="caller">Who this process is to the server; null on the server's own socket.</param>
    public static AuthorityException Of(RpcException failure, string method, string place, SpiffeId? caller)
    {
        string said = $"The SPIRE server at {place}, asked by {method}: {CallFailure.Describe(failure)}.";
        return CallFailure.CodeOf(failure) switch
        {
            StatusCode.InvalidArgument => new(AuthorityFailure.InvalidRequest, said, failure),
            StatusCode.PermissionDenied => new(AuthorityFailure.Misconfigured, $"{said} {(method == "NewDownstreamX509CA" ? NotDownstream(caller) : NotAdmin(caller))}", failure),
            StatusCode.Unauthenticated => new(AuthorityFailure.Misconfigured, said, failure),
            StatusCode.Unimplemented => new(AuthorityFailure.Misconfigured, $"{said} It is no API of a SPIRE server: --spire-server takes the server's own socket (by default /tmp/spire-server/private/api.sock), not an agent's.", failure),
            StatusCode.ResourceExhausted => new(AuthorityFailure.Overloaded, said, failure),
            StatusCode.DeadlineExceeded => new(AuthorityFailure.Unavailable, method == "MintX509SVID" ? $"{said} A server that answers GetBundle and signs nothing has to be started again." : said, failure),
            StatusCode.Unavailable => new(AuthorityFailure.Unavailable, $"{said} {Unreachable(caller)}", failure),
            _ => new(AuthorityFailure.Unavailable, said, failure),
        };
    }

    /// <summary>The server has another trust domain than it had.</summary>
    public static AuthorityException OtherTrustDomain(string place, string now, string before) => new(
        AuthorityFailure.Misconfigured, $"The SPIRE server at {place} is of the trust domain {now} now, and was of {before}, whose roots stay in force; start the controller again if that is meant.");

    private static string NotDownstream(SpiffeId? caller) => $"Nothing is certified for {caller}: give it an entry with -downstream.";

    private static string NotAdmin(SpiffeId? caller) => caller is null
        ? "Its authorization policy does not let callers on its own socket do this."
        : $"{caller} is no admin: give it an entry with -admin, or name it in admin_ids of the server's configuration.";

    // A certificate that is not accepted is never said to be: the connection ends.
    private static string Unreachable(SpiffeId? caller) => caller is null
        ? "Does the server run, and may this process open its socket (mode 0770)?"
        : $"Does the server run? One that does not accept this process's certificate ({caller}: expired, or of another authority) ends the connection, too.";
}
