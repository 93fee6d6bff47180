namespace Culvert.Controller.Identity;

/// <summary>A certificate was not signed because the request breaks a rule.</summary>
/// <param name="message">Which rule.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class CertificateRefusedException(string message, Exception? innerException = null) : Exception(message, innerException);
