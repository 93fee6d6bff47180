using System.Net;

namespace Culvert.Controller.Identity.Upstream.Vault;

/// <summary>Vault has answered, and not done what it was asked for.</summary>
/// <param name="status">Its status.</param>
/// <param name="message">What it said; without a full stop.</param>
internal sealed class VaultRefusal(HttpStatusCode status, string message) : Exception(message)
{
    /// <summary>Its status.</summary>
    public HttpStatusCode Status => status;

    /// <summary>The same as a failure of an authority.</summary>
    /// <param name="remedy">What helps where it is the configuration that is wrong; a sentence, or empty.</param>
    public AuthorityException ToFailure(string remedy) => status switch
    {
        HttpStatusCode.TooManyRequests => new(AuthorityFailure.Overloaded, $"{Message}.", this),
        HttpStatusCode.ServiceUnavailable => new(AuthorityFailure.Unavailable, $"{Message}. Where it is sealed, unseal it.", this),
        >= HttpStatusCode.InternalServerError => new(AuthorityFailure.Unavailable, $"{Message}.", this),
        _ => new(AuthorityFailure.Misconfigured, $"{Message}. {remedy}".TrimEnd(), this),
    };
}
