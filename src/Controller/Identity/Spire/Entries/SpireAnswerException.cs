namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>A SPIRE server has answered with what does not belong to what it was asked: nobody knows what it has done.</summary>
internal sealed class SpireAnswerException(string message) : Exception(message);
