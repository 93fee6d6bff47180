namespace Culvert.Core;

/// <summary>Why a token is refused. Names are what people see, in small letters with dashes; values are of no meaning.</summary>
public enum JwtError
{
    /// <summary>It is not.</summary>
    None,

    /// <summary>It is not three parts in base64url, or one of them is not what it has to be.</summary>
    Malformed,

    /// <summary>It is longer than <see cref="JwtReader.MostBytes"/>.</summary>
    TooLong,

    /// <summary>A request has several tokens, and there is no telling which one counts.</summary>
    SeveralTokens,

    /// <summary>It has extensions that have to be understood (<c>crit</c>).</summary>
    CriticalExtension,

    /// <summary>No rule for the place where it stands names its issuer.</summary>
    UnknownIssuer,

    /// <summary>Its issuer's keys are not known.</summary>
    NoKeys,

    /// <summary>It is signed by an algorithm that is not taken, or that none of the keys is for.</summary>
    WrongAlgorithm,

    /// <summary>It names a key that its issuer does not have, or there are more keys that it could be by than are tried.</summary>
    UnknownKey,

    /// <summary>No key has made its signature.</summary>
    BadSignature,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>Its time has not come.</summary>
    NotYetValid,

    /// <summary>It is meant for others.</summary>
    WrongAudience,
}
