using Culvert.Kubernetes.Errors;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Says which verb the controller's role lacks: the one form of it in log messages, in <c>culvert status</c> and to agents.</summary>
internal static class RoleRemedy
{
    private const string Whose = "the controller's role";

    /// <summary>With a semicolon behind it, to stand before the reason; empty where no role is in the way.</summary>
    public static string Of(ApiException failure) => MissingVerb.Remedy(failure, Whose);

    /// <summary>The same of an object that <c>deploy/controller</c> has, and that is not the controller's to make.</summary>
    public static string OfObject(ApiException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure.Failure == ApiFailure.NotFound ? "there is none, apply deploy/controller (`culvert upgrade` does); " : Of(failure);
    }

    /// <summary>The same without what follows.</summary>
    public static string Of(MissingVerb missing) => missing.Tell(Whose);
}
