using System.Globalization;
using Mesh.Actors.Events;
using Mesh.Actors.Registry;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Enrollment;

/// <summary>Decides what an enrollment request must be before its credential is looked at. Pure.</summary>
public static class EnrollmentRules
{
    const int MaximumText = 255;

    /// <summary>Says what is wrong with a request; null where nothing is.</summary>
    public static Refusal? Check(EnrollRequest request, SigningPublicKey root, WallTime now)
    {
        if (request.Secret.Length != CredentialString.SecretSize || request.SigningKey.Value.IsZero || request.TunnelKey.Value.IsZero
            || !IsText(request.Hostname) || !IsText(request.Os) || !IsText(request.Version))
            return Malformed("the request cannot be used: is the program on this machine of the same release?");
        var signed = EnrollProof.Bytes(
            request.Credential, Sha256.Hash(root.Value.Span), request.SigningKey, request.TunnelKey, request.Request);
        if (!Ed25519.Verify(request.SigningKey, signed, request.Proof))
            return Malformed("the machine does not prove that it holds the key it presents, or means another network");
        var skew = request.Time - now;
        if (skew.Duration() > MapTrust.Skew)
        {
            var seconds = Math.Round(skew.Duration().TotalSeconds).ToString(CultureInfo.InvariantCulture);
            return new Refusal(
                RefusalKind.Denied, RefusalCodes.ClockSkew,
                $"the clock of this machine is {seconds} seconds {(skew > TimeSpan.Zero ? "ahead of" : "behind")} the controller's: set it and try again");
        }
        return null;
    }

    /// <summary>
    /// Says that a present machine may not join again with a credential of that owner; null where it may. Two users never share a
    /// machine's identity: another user's node is another node, with keys of its own. Between a user and tags a machine may change.
    /// </summary>
    /// <param name="present">What the machine is in the network.</param>
    /// <param name="owner">Whose machine the credential joins; null: tags own it.</param>
    public static Refusal? CheckOwner(EnrolledNode present, string? owner) =>
        present.Owner is { } current && owner is not null && !string.Equals(current, owner, StringComparison.Ordinal)
            ? new Refusal(
                RefusalKind.Denied, RefusalCodes.OtherOwner,
                $"this machine is {present.Name} of user {current}: with a credential of user {owner} it joins as another node, with new keys")
            : null;

    static bool IsText(string text) => text.Length <= MaximumText && !text.Any(char.IsControl);

    static Refusal Malformed(string message) => new(RefusalKind.Invalid, RefusalCodes.Malformed, message);
}
