namespace Culvert.Kubernetes.Errors;

/// <summary>Why a request to the API failed.</summary>
public enum ApiFailure
{
    /// <summary>The server said something that is none of the others.</summary>
    Other,

    /// <summary>The request made no sense to the server (400).</summary>
    BadRequest,

    /// <summary>The server does not know who asks (401).</summary>
    Unauthorized,

    /// <summary>Who asks may not (403): a role is missing.</summary>
    Forbidden,

    /// <summary>There is no such object, or no such kind (404).</summary>
    NotFound,

    /// <summary>The kind can't do that (405).</summary>
    MethodNotAllowed,

    /// <summary>An object of that name is there already (409).</summary>
    AlreadyExists,

    /// <summary>The object was changed in between, or another manager owns a field that was applied (409).</summary>
    Conflict,

    /// <summary>The version or the page asked for is no longer kept (410): list anew.</summary>
    Expired,

    /// <summary>The request or the object is too large (413).</summary>
    TooLarge,

    /// <summary>The kind of document is not understood (415).</summary>
    UnsupportedMediaType,

    /// <summary>The object breaks its schema or a rule (422); <see cref="ApiException.Causes"/> names fields.</summary>
    Invalid,

    /// <summary>Too many requests (429).</summary>
    TooManyRequests,

    /// <summary>The server failed (500).</summary>
    ServerError,

    /// <summary>The server, or one behind it, can't answer now (502, 503).</summary>
    Unavailable,

    /// <summary>The server gave up waiting (504).</summary>
    ServerTimeout,

    /// <summary>No connection, or it broke.</summary>
    Unreachable,

    /// <summary>The server is not the cluster's: its certificate is not trusted.</summary>
    Untrusted,

    /// <summary>No answer in the time that the client allows.</summary>
    TimedOut,

    /// <summary>An answer that is not understood: no JSON, too large, or without a field that is needed.</summary>
    BadResponse,

    /// <summary>No credentials could be had: a token file, a certificate or a credential plugin failed.</summary>
    NoCredentials,
}
