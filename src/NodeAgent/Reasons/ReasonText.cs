using System.Text;
using Culvert.Core;
using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Reasons;

/// <summary>
/// Reasons as metrics, flows and people see them: kebab case, one vocabulary for kernel, proxy and oracle. <see cref="ReasonTable"/> says what each means.
/// </summary>
internal static class ReasonText
{
    /// <summary>The reasons of the kernel's programs.</summary>
    internal static IEnumerable<CvReason> OfPackets => Enum.GetValues<CvReason>().Where(r => r is not (CvReason.None or CvReason.Max));

    internal static string Of(CvReason reason) => reason == CvReason.None ? "" : Kebab(reason.ToString());

    internal static string Of(PathReason reason) => reason == PathReason.None ? "" : Kebab(reason.ToString());

    internal static string Of(DecisionReason reason) => reason switch
    {
        DecisionReason.None => "",
        DecisionReason.AllowedByPolicy => "allowed-by-policy",
        DecisionReason.AllowedByDefault => "allowed-by-default",
        DecisionReason.NotEnrolled => "not-enrolled",
        DecisionReason.StrictMtls => "strict-mtls",
        DecisionReason.DeniedByPolicy => "policy-deny",
        DecisionReason.NoAllowMatched => "policy-no-allow",
        DecisionReason.DeniedByDefault => "policy-default",
        DecisionReason.PolicyMissing => "policy-missing",
        _ => Kebab(reason.ToString()),
    };

    /// <summary><c>PolicyNoAllow</c> and <c>POLICY_NO_ALLOW</c> become <c>policy-no-allow</c>.</summary>
    internal static string Kebab(string name)
    {
        StringBuilder text = new();
        bool screaming = name.All(c => !char.IsLower(c));
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i];
            if (c == '_') text.Append('-');
            else if (!screaming && char.IsUpper(c) && i > 0) text.Append('-').Append(char.ToLowerInvariant(c));
            else text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }
}
