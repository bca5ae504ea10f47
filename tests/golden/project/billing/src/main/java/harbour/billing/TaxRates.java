package harbour.billing;

import java.math.BigDecimal;
import java.util.Map;

/** Value added tax by country code. */
public interface TaxRates {
    BigDecimal rate(String country);

    static TaxRates fixed(Map<String, BigDecimal> byCountry) {
        return country -> {
            BigDecimal rate = byCountry.get(country);
            if (rate == null) {
                throw new UnknownCountry(country);
            }
            return rate;
        };
    }

    final class UnknownCountry extends RuntimeException {
        UnknownCountry(String country) {
            super("no tax rate is known for " + country);
        }
    }
}
