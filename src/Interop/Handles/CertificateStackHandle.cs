using Culvert.Interop.Native;
using Culvert.Interop.Tls;
using Microsoft.Win32.SafeHandles;

namespace Culvert.Interop.Handles;

/// <summary>Owns a <c>STACK_OF(X509)</c> and what is on it. Not changed once it is made, so any number of threads may look at it.</summary>
internal sealed unsafe class CertificateStackHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private CertificateStackHandle(nint value)
        : base(ownsHandle: true) => SetHandle(value);

    /// <summary>Puts certificates on a stack.</summary>
    /// <param name="certificates">DER.</param>
    /// <exception cref="TlsException">One can't be read.</exception>
    internal static CertificateStackHandle Create(IReadOnlyList<ReadOnlyMemory<byte>> certificates)
    {
        CertificateStackHandle stack = new(OpenSsl.OPENSSL_sk_new_null());
        try
        {
            if (stack.IsInvalid) throw TlsException.FromQueue("make a stack of certificates");
            foreach (ReadOnlyMemory<byte> der in certificates) stack.Push(der.Span);
            return stack;
        }
        catch
        {
            stack.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        while (OpenSsl.OPENSSL_sk_pop(handle) is not 0 and var x509) OpenSsl.X509_free(x509);
        OpenSsl.OPENSSL_sk_free(handle);
        return true;
    }

    private void Push(ReadOnlySpan<byte> der)
    {
        fixed (byte* start = der)
        {
            byte* input = start;
            nint x509 = OpenSsl.d2i_X509(0, &input, der.Length);
            if (x509 == 0) throw TlsException.FromQueue("read a root of another trust domain");
            if (OpenSsl.OPENSSL_sk_push(handle, x509) > 0) return;
            OpenSsl.X509_free(x509);
            throw TlsException.FromQueue("put a certificate on a stack");
        }
    }
}
