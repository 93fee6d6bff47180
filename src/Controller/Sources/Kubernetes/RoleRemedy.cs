using Culvert.Kubernetes.Errors;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Says which verb the controller's role lacks: the one form of it in log messages, in <c>culvert status</c> and to agents.</summary>
internal static class RoleRemedy
{
    private const string Whose = "the controller's role";

    /// <summary>With a semicolon behind it, to stand before the reason; empty where no role is in the way.</summary>
    public static string Of(ApiException failure) => MissingVerb.Remedy(failure, Whose);

    /// <summary>The same without what follows.</summary>
    public static string Of(MissingVerb missing) => missing.Tell(Whose);
}
