namespace Mesh.Protocol.Trust;

/// <summary>Says why a TLS certificate is not accepted. The names are stable: they are shown to people and written to logs.</summary>
public enum PinRefusal
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>The certificate carries no readable <see cref="PinExtension"/>: whatever answers is no controller.</summary>
    NotAController,

    /// <summary>The certificate belongs to another network: its root is not the pinned one.</summary>
    ForeignRoot,

    /// <summary>The delegation is not signed by the network root, or speaks of another network.</summary>
    ForeignDelegation,

    /// <summary>The delegation does not allow the controller to issue certificates, or is of an epoch that is over.</summary>
    DelegationNotValid,

    /// <summary>The delegation was withdrawn.</summary>
    DelegationWithdrawn,

    /// <summary>The authority is not the one that was delegated, or did not issue this certificate.</summary>
    ForeignAuthority,

    /// <summary>The certificate was not made for this use: a node's is no controller's, and the other way round.</summary>
    WrongUse,

    /// <summary>The certificate or the delegation is not valid yet by the verifier's clock.</summary>
    NotYetValid,

    /// <summary>The certificate or the delegation is no longer valid by the verifier's clock.</summary>
    Expired,
}

/// <summary>Explains refusals to people.</summary>
public static class PinRefusals
{
    /// <summary>Says in a few words, without a full stop, what is wrong with a controller's certificate.</summary>
    public static string Explain(this PinRefusal refusal) => refusal switch
    {
        PinRefusal.None => "the certificate is accepted",
        PinRefusal.NotAController => "what answers there is not a controller of a mesh network",
        PinRefusal.ForeignRoot => "the controller belongs to another network than the credential",
        PinRefusal.ForeignDelegation => "the controller's delegation is not signed by the network root",
        PinRefusal.DelegationNotValid => "the controller's delegation does not cover this",
        PinRefusal.DelegationWithdrawn => "the controller's delegation was withdrawn",
        PinRefusal.ForeignAuthority => "the controller's certificate was not issued by its delegated authority",
        PinRefusal.WrongUse => "the certificate was made for another use",
        PinRefusal.NotYetValid => "the certificate is not valid yet by this machine's clock: check the clock",
        PinRefusal.Expired => "the certificate is no longer valid by this machine's clock: check the clock on both machines",
        _ => refusal.ToString(),
    };
}
