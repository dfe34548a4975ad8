import com.android.apksig.ApkVerifier;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;

/** What `apksigner verify` says of each file named on standard input, in one process: a line with true or false. */
public class VerifyApks {
  public static void main(String[] args) throws Exception {
    BufferedReader names = new BufferedReader(new InputStreamReader(System.in));
    for (String name = names.readLine(); name != null; name = names.readLine()) {
      System.out.println(isVerified(new File(name)));
    }
  }

  private static boolean isVerified(File file) {
    try {
      return new ApkVerifier.Builder(file).build().verify().isVerified();
    } catch (Exception refused) {
      return false;
    }
  }
}
