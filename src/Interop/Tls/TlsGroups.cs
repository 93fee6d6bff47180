using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>The key exchange groups of TLS 1.3 that this process offers, and their names. Thread-safe.</summary>
public static unsafe class TlsGroups
{
    // A hybrid of ML-KEM and X25519 first: what is recorded today stays secret from a quantum computer (draft-ietf-tls-ecdhe-mlkem). OpenSSL has it since 3.5.
    private static readonly string[] Preferred = ["X25519MLKEM768", "X25519", "P-256"];

    // X25519 is not approved by itself. A FIPS module since OpenSSL 3.5 has the hybrids.
    private static readonly string[] PreferredFips = ["X25519MLKEM768", "SecP256r1MLKEM768", "P-256", "P-384"];

    // OpenSSL has some 60 groups; a peer can't add to them.
    private static readonly ConcurrentDictionary<int, string> Names = new();
    private static readonly Lazy<IReadOnlyList<string>> Found = new(Find);

    /// <summary>The groups that the installed OpenSSL has, the first preferred; asked once per process, after <see cref="FipsMode"/> is settled.</summary>
    public static IReadOnlyList<string> Offered => Found.Value;

    /// <summary>
    /// The list as SSL_CTX_set1_groups_list takes it, with a terminating zero. OpenSSL 3.5 and later send a key share for each group marked with an asterisk: a peer
    /// without the first group need not ask for another ClientHello, which would cost a round trip.
    /// </summary>
    internal static byte[] List { get; } = Encoding.ASCII.GetBytes(ListOf(Offered) + "\0");

    /// <summary>The name of the group that a connection has agreed on, such as <c>X25519MLKEM768</c>.</summary>
    /// <param name="ssl">The connection (SSL), whose handshake is done.</param>
    internal static string? Negotiated(nint ssl)
    {
        int group = (int)OpenSsl.SSL_ctrl(ssl, OpenSsl.SSL_CTRL_GET_NEGOTIATED_GROUP, 0, null);
        if (group == 0) return null;
        if (Names.TryGetValue(group, out string? name)) return name;
        nint text = OpenSsl.SSL_group_to_name(ssl, group);
        return Names.GetOrAdd(group, text == 0 ? "unknown" : Marshal.PtrToStringUTF8(text)!);
    }

    private static string ListOf(IReadOnlyList<string> groups)
    {
        // An earlier OpenSSL with a provider of such groups does not know the asterisk.
        if (OpenSslVersion.Current < OpenSslVersion.Recommended || !groups[0].Contains("MLKEM", StringComparison.Ordinal)) return string.Join(':', groups);
        int classic = Enumerable.Range(0, groups.Count).First(i => !groups[i].Contains("MLKEM", StringComparison.Ordinal));
        return string.Join(':', groups.Select((group, i) => i == 0 || i == classic ? $"*{group}" : group));
    }

    // A name that no provider has fails a whole list, so each is tried by itself.
    private static List<string> Find()
    {
        OpenSsl.ERR_clear_error();
        nint context = OpenSsl.SSL_CTX_new(OpenSsl.TLS_client_method());
        if (context == 0) throw TlsException.FromQueue("make a TLS context");
        try
        {
            return [.. (FipsMode.IsOn ? PreferredFips : Preferred).Where(group => IsKnown(context, group))];
        }
        finally
        {
            OpenSsl.SSL_CTX_free(context);
            OpenSsl.ERR_clear_error();
        }
    }

    private static bool IsKnown(nint context, string group)
    {
        fixed (byte* name = Encoding.ASCII.GetBytes(group + "\0")) return OpenSsl.SSL_CTX_ctrl(context, OpenSsl.SSL_CTRL_SET_GROUPS_LIST, 0, name) == 1;
    }
}
