namespace Mesh.Actors.Projection;

/// <summary>Names why a node was taken out of the network: the reasons of a map's removal and of a stream's close.</summary>
public static class Removal
{
    /// <summary>An admin revoked it.</summary>
    public const string Revoked = "revoked";

    /// <summary>It was deleted: an admin did it, or it was ephemeral and away.</summary>
    public const string Deleted = "deleted";

    /// <summary>It logged out.</summary>
    public const string LoggedOut = "logged-out";
}
